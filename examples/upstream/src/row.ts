/** A cloud row in the shape in which the refactored engine holds it: camelCase, dates as ISO strings with milliseconds, no tombstone flag. */
export function toLocalRow(cloud: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const local: Record<string, unknown> = {}
  for (const [column, value] of Object.entries(cloud)) {
    if (column === 'is_deleted') continue
    const name = column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    const isTime = column === 'created_at' || column === 'updated_at'
    local[name] = isTime ? new Date(String(value)).toISOString() : value
  }
  return local
}
