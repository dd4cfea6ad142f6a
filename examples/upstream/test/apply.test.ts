import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { PGlite } from '@electric-sql/pglite'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Outcome } from '../src/operations.js'

// Each test opens a database, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const MIGRATION = readFileSync(new URL('../sql/002_graysync_apply.sql', import.meta.url), 'utf8')

let database: PGlite
beforeEach(async () => {
  database = await PGlite.create()
})
afterEach(() => database.close())

/** A project that took the migration, and has one table. */
async function migrate(columns: string): Promise<void> {
  await database.exec(MIGRATION)
  await database.exec(
    `create table cards (id text, user_id uuid not null, title text,
       is_deleted boolean not null default false, ${columns});
     select graysync_track('cards')`,
  )
}

async function apply(user: string, ...operations: object[]): Promise<Outcome[]> {
  return database.transaction(async (queries) => {
    await queries.query("select set_config('request.jwt.claim.sub', $1, true)", [user])
    const { rows } = await queries.query<{ results: { outcome: Outcome }[] }>(
      "select graysync_apply('device', 1, $1::jsonb) as results",
      [JSON.stringify(operations)],
    )
    return rows[0]?.results.map(({ outcome }) => outcome) ?? []
  })
}

const put = (opId: string, entityId: string, title: string) => ({
  ...{ opId, entity: 'cards', entityId, kind: 'put' },
  row: { title },
})

test('where `id` alone is the key, an operation on the row of another user is a conflict, and those beside it are applied', async () => {
  await migrate('primary key (id)')
  const [ann, bob] = [randomUUID(), randomUUID()]
  expect(await apply(ann, put('o1', 'c1', 'of ann'))).toEqual(['applied'])
  const operations = [put('o2', 'c1', 'of bob'), put('o3', 'c2', 'of bob')]
  expect(await apply(bob, ...operations)).toEqual(['conflict', 'applied'])
  expect(await apply(bob, ...operations)).toEqual(['conflict', 'duplicate'])
  expect(await apply(ann, put('o4', 'c1', 'of ann again'))).toEqual(['applied'])
  const { rows } = await database.query('select id, user_id, title from cards order by id')
  expect(rows).toEqual([
    { id: 'c1', user_id: ann, title: 'of ann again' },
    { id: 'c2', user_id: bob, title: 'of bob' },
  ])
})

test('a patch of a row that the user does not have is a conflict, and its deletion is applied', async () => {
  await migrate('primary key (id)')
  const [ann, bob] = [randomUUID(), randomUUID()]
  const patch = (opId: string, entityId: string) => ({ ...put(opId, entityId, 'b'), kind: 'patch' })
  const drop = (opId: string, entityId: string) => ({
    ...{ opId, entity: 'cards', entityId, kind: 'delete' },
  })
  expect(await apply(ann, put('o1', 'c1', 'a'))).toEqual(['applied'])
  const operations = [patch('o2', 'c1'), patch('o3', 'c2'), drop('o4', 'c1'), drop('o5', 'c2')]
  expect(await apply(bob, ...operations)).toEqual(['conflict', 'conflict', 'applied', 'applied'])
  expect(await apply(ann, patch('o6', 'c1'))).toEqual(['applied'])
  const { rows } = await database.query('select id, user_id, title, is_deleted from cards')
  expect(rows).toEqual([{ id: 'c1', user_id: ann, title: 'b', is_deleted: false }])
})

test('a repeated operation is a duplicate whatever the table fills in, also where it got a column meanwhile', async () => {
  await migrate(
    `edited_at timestamptz not null default now(), revision uuid not null default gen_random_uuid(),
     position serial, primary key (user_id, id)`,
  )
  const user = randomUUID()
  expect(await apply(user, put('o1', 'c1', 'a'))).toEqual(['applied'])
  expect(await apply(user, put('o1', 'c1', 'a'))).toEqual(['duplicate'])
  await database.exec("alter table cards add column color text not null default 'red'")
  expect(await apply(user, put('o1', 'c1', 'a'))).toEqual(['duplicate'])
  expect(await apply(user, put('o1', 'c1', 'b'))).toEqual(['conflict'])
})

describe('in a Supabase project', () => {
  beforeEach(async () => {
    // What is made in `public` is granted there to the roles of the API one by one.
    await database.exec(`
      create role anon nologin; create role authenticated nologin; create role service_role nologin;
      alter default privileges in schema public
        grant execute on functions to anon, authenticated, service_role;
      alter default privileges in schema public
        grant all on tables to anon, authenticated, service_role;
      alter default privileges in schema public
        grant all on sequences to anon, authenticated, service_role`)
    await migrate('primary key (user_id, id)')
  })

  test('the signed-in may call the one function, nobody else any, and the parts stay inside', async () => {
    const { rows } = await database.query(
      `select role, proname as name from pg_proc, unnest(array['anon', 'authenticated']) as role
       where proname like 'graysync%' and has_function_privilege(role, oid, 'execute')`,
    )
    expect(rows).toEqual([{ role: 'authenticated', name: 'graysync_apply' }])
  })

  test('the signed-in may apply operations, and write a tracked table as before', async () => {
    await database.exec('set role authenticated')
    const user = randomUUID()
    expect(await apply(user, put('o1', 'c1', 'a'))).toEqual(['applied'])
    await database.query("insert into cards values ('c2', $1, 'b')", [user])
    await database.exec('reset role')
    const { rows } = await database.query('select title from cards order by graysync_change')
    expect(rows).toEqual([{ title: 'a' }, { title: 'b' }])
  })
})
