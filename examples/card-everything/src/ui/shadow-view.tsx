import { useGray } from './gray.js'
import { useStrings } from './language.js'

/** What is seen of the other engine while it runs in shadow. */
export function ShadowView() {
  const strings = useStrings()
  const shadow = useGray((snapshot) => snapshot.shadow)
  if (!shadow) return null
  const { engine, state, because, applied, refused, errors, compared } = shadow
  const differing = compared ? compared.missing + compared.extra + compared.changed : ''
  return (
    <p
      className="hint"
      data-testid="shadow"
      data-engine={engine}
      data-state={state}
      data-because={because ?? ''}
      data-applied={applied}
      data-refused={refused}
      data-errors={errors}
      data-rows={compared?.rows ?? ''}
      data-differing={differing}
    >
      {strings.shadow[state](strings.engine[engine])}{' '}
      {compared && strings.shadowCompared(compared.rows, Number(differing))}
      {compared && compared.paths.length > 0 && (
        <>
          {' '}
          {strings.fields}: <code>{compared.paths.join(', ')}</code>
        </>
      )}
    </p>
  )
}
