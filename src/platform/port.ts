/** Sends one message with a port and answers what comes back through it; `null` where nothing does within `ms`. */
export function askThrough(post: (port: MessagePort) => void, ms: number): Promise<unknown> {
  const { port1, port2 } = new MessageChannel()
  return new Promise((resolve) => {
    const end = (answer: unknown) => {
      clearTimeout(timer)
      port1.close()
      resolve(answer)
    }
    const timer = setTimeout(() => end(null), ms)
    port1.onmessage = ({ data }) => end(data)
    post(port2)
  })
}
