-- graysync: exactly-once operations with fencing, for PostgreSQL 13 and later.
--
-- This file stands alone. In a Supabase project, save it as a migration and follow it with one
-- line a table:
--
--   select graysync_track('cards');
--
-- A client then calls
--
--   supabase.rpc('graysync_apply', { device, term, operations: [{ opId, entity, entityId, kind, row }] })
--
-- and gets [{ opId, outcome }], the outcome being one of
--
--   applied    the operation has taken effect, now
--   duplicate  it had taken effect before; nothing was done
--   conflict   its id belongs to another operation, or its row to another user, or a patch finds no
--              row; nothing was done
--   fenced     a later term of this device was seen, so the sender lost its right; nothing was done
--
-- A tracked table has the columns user_id, id and is_deleted, and a primary key made of user_id and
-- id, or of id alone where no two users ever make the same id: whoever comes second has a conflict.

-- The tables that operations may write.
create table graysync_tables (
  name text primary key
);

-- The highest term seen of each device. A term is the sender's fencing token: it only rises.
create table graysync_fence (
  user_id uuid not null,
  device text not null,
  term bigint not null,
  primary key (user_id, device)
);

-- The ledger: one row for each operation that took effect. Keep rows for longer than a client can
-- stay offline (90 days at least).
create table graysync_operations (
  user_id uuid not null,
  op_id text not null,
  digest text not null,
  device text not null,
  term bigint not null,
  applied_at timestamptz not null default now(),
  primary key (user_id, op_id)
);

-- With row level security on and no policy, clients reach these tables through the function only.
alter table graysync_tables enable row level security;
alter table graysync_fence enable row level security;
alter table graysync_operations enable row level security;

-- Stamps every change of a tracked table, so that a client can ask for what came after a number.
create sequence graysync_change;

-- The signed-in user, found as auth.uid() finds it.
create function graysync_user() returns uuid language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
  )::uuid
$$;

-- One writer a user at a time. Change numbers then become visible in their order, and a reader who
-- remembers the last one it saw can miss none.
create function graysync_lock(owner uuid) returns void language sql as $$
  select pg_advisory_xact_lock(hashtextextended('graysync:' || owner::text, 0))
$$;

-- Runs before any row is locked: whoever writes takes the user's lock first, so writers never
-- wait for each other in a circle.
create function graysync_serialise() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if graysync_user() is not null then
    perform graysync_lock(graysync_user());
  end if;
  return null;
end
$$;

create function graysync_stamp() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform graysync_lock(new.user_id);
  new.graysync_change := nextval('graysync_change');
  return new;
end
$$;

-- Lets operations write a table, and stamps its changes.
create function graysync_track(entity text) returns void language plpgsql as $$
begin
  execute format(
    'alter table %I add column graysync_change bigint not null default nextval(''graysync_change'')',
    entity
  );
  execute format('create unique index on %I (user_id, graysync_change)', entity);
  execute format(
    'create trigger graysync_serialise before insert or update or delete on %I
     for each statement execute function graysync_serialise()',
    entity
  );
  execute format(
    'create trigger graysync_stamp before insert or update on %I
     for each row execute function graysync_stamp()',
    entity
  );
  insert into graysync_tables values (entity);
end
$$;

-- A whole row: what was given, and the column's default where nothing was.
create function graysync_fill(entity text, given jsonb) returns jsonb language plpgsql as $$
declare
  fields text;
  filled jsonb;
begin
  select string_agg(
    format(
      'case when $1 ? %1$L then given.%1$I else %2$s end as %1$I',
      attribute.attname,
      coalesce(pg_get_expr(expression.adbin, expression.adrelid), 'null')
    ),
    ', ' order by attribute.attnum
  )
  into fields
  from pg_attribute as attribute
  left join pg_attrdef as expression
    on expression.adrelid = attribute.attrelid and expression.adnum = attribute.attnum
  where attribute.attrelid = format('%I', entity)::regclass
    and attribute.attnum > 0
    and not attribute.attisdropped
    and attribute.attgenerated = ''
    and attribute.attname <> 'graysync_change';

  execute format(
    'select to_jsonb(filled) from (
       select %s from jsonb_populate_record(null::%I, $1) as given
     ) as filled',
    fields, entity
  ) into filled using given;
  return filled;
end
$$;

-- Writes a whole row in place of the old one. The time of its creation stays. False where the row
-- is another user's.
create function graysync_put(entity text, owner uuid, given jsonb) returns boolean
language plpgsql as $$
declare
  filled constant jsonb := graysync_fill(entity, given);
  written bigint;
  key text;
  fields text;
  setters text;
begin
  select string_agg(format('%I', attribute.attname), ', ')
  into key
  from pg_index as index
  join pg_attribute as attribute
    on attribute.attrelid = index.indrelid and attribute.attnum = any (index.indkey)
  where index.indrelid = format('%I', entity)::regclass and index.indisprimary;

  select
    string_agg(format('%I', name), ', '),
    string_agg(format('%1$I = excluded.%1$I', name), ', ')
      filter (where name not in ('user_id', 'id', 'created_at'))
  into fields, setters
  from jsonb_object_keys(filled) as name;

  execute format(
    'insert into %1$I as held (%2$s)
     select %2$s from jsonb_populate_record(null::%1$I, $1)
     on conflict (%3$s) do update set %4$s where held.user_id = $2',
    entity, fields, key, setters
  ) using filled, owner;
  get diagnostics written = row_count;
  return written > 0;
end
$$;

-- Writes some columns of a row that exists. False where the user has none.
create function graysync_patch(entity text, owner uuid, given jsonb) returns boolean
language plpgsql as $$
declare
  written bigint := 1;
  setters text;
begin
  select string_agg(format('%1$I = given.%1$I', name), ', ')
  into setters
  from jsonb_object_keys(given) as name
  where name not in ('user_id', 'id', 'created_at', 'graysync_change');

  if setters is not null then
    execute format(
      'update %1$I as held set %2$s from jsonb_populate_record(null::%1$I, $1) as given
       where held.user_id = $2 and held.id = given.id',
      entity, setters
    ) using given, owner;
    get diagnostics written = row_count;
  end if;
  return written > 0;
end
$$;

-- An operation in one form for every engine that may send it: it names its row and whose that is.
create function graysync_resolve(owner uuid, operation jsonb) returns jsonb
language plpgsql as $$
declare
  entity text := operation ->> 'entity';
  kind text := operation ->> 'kind';
  identity jsonb := jsonb_build_object('id', operation -> 'entityId', 'user_id', owner);
  given jsonb := coalesce(nullif(operation -> 'row', 'null'), '{}');
begin
  if not exists (select from graysync_tables where name = entity) then
    raise exception 'graysync: operations do not write this table' using errcode = '22023';
  end if;
  if kind in ('put', 'patch') then
    given := given || identity;
  elsif kind = 'delete' then
    given := identity || '{"is_deleted": true}';
  else
    raise exception 'graysync: an operation is a put, a patch or a delete' using errcode = '22023';
  end if;
  return jsonb_build_object('entity', entity, 'kind', kind, 'row', given);
end
$$;

-- What an operation says, apart from the clocks and counters around it: an engine that takes over
-- sends the same operation with other ones. A column that is null and one that is absent are equal.
-- What the table would fill in is not said: it may be another at each repetition.
create function graysync_digest(resolved jsonb) returns text language sql immutable as $$
  select encode(
    sha256(
      convert_to(
        jsonb_strip_nulls(
          resolved #- '{row,created_at}' #- '{row,updated_at}' #- '{row,sync_version}'
            #- '{row,graysync_change}'
        )::text,
        'UTF8'
      )
    ),
    'hex'
  )
$$;

create function graysync_write(owner uuid, resolved jsonb) returns boolean language plpgsql as $$
begin
  if resolved ->> 'kind' = 'put' then
    return graysync_put(resolved ->> 'entity', owner, resolved -> 'row');
  end if;
  -- A row that is not there is deleted already.
  return graysync_patch(resolved ->> 'entity', owner, resolved -> 'row')
    or resolved ->> 'kind' = 'delete';
end
$$;

-- Takes operations of the signed-in user, all in the caller's one transaction. The ledger is asked
-- before the fence: that an operation has taken effect is a fact, whoever repeats it.
create function graysync_apply(device text, term bigint, operations jsonb) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  owner constant uuid := graysync_user();
  highest bigint;
  operation jsonb;
  resolved jsonb;
  held text;
  outcome text;
  results jsonb := '[]';
begin
  if owner is null then
    raise exception 'graysync_apply: nobody is signed in' using errcode = '28000';
  end if;
  perform graysync_lock(owner);

  insert into graysync_fence as fence (user_id, device, term)
  values (owner, graysync_apply.device, graysync_apply.term)
  on conflict on constraint graysync_fence_pkey
  do update set term = greatest(fence.term, excluded.term)
  returning fence.term into highest;

  for operation in select value from jsonb_array_elements(operations) loop
    resolved := graysync_resolve(owner, operation);
    select ledger.digest into held
    from graysync_operations as ledger
    where ledger.user_id = owner and ledger.op_id = operation ->> 'opId';

    if found and held = graysync_digest(resolved) then
      outcome := 'duplicate';
    elsif found then
      outcome := 'conflict';
    elsif graysync_apply.term < highest then
      outcome := 'fenced';
    elsif not graysync_write(owner, resolved) then
      outcome := 'conflict';
    else
      insert into graysync_operations (user_id, op_id, digest, device, term)
      values (
        owner, operation ->> 'opId', graysync_digest(resolved),
        graysync_apply.device, graysync_apply.term
      );
      outcome := 'applied';
    end if;
    results := results || jsonb_build_object('opId', operation -> 'opId', 'outcome', outcome);
  end loop;
  return results;
end
$$;

-- Only the signed-in may call the one function that writes; the parts it is made of stay inside.
-- Supabase grants what is made in `public` to the roles of its API by name as well.
do $$
begin
  execute 'revoke execute on function
    graysync_user(),
    graysync_lock(uuid),
    graysync_serialise(),
    graysync_stamp(),
    graysync_track(text),
    graysync_fill(text, jsonb),
    graysync_put(text, uuid, jsonb),
    graysync_patch(text, uuid, jsonb),
    graysync_resolve(uuid, jsonb),
    graysync_digest(jsonb),
    graysync_write(uuid, jsonb),
    graysync_apply(text, bigint, jsonb)
  from ' || (
    select concat_ws(', ', 'public', string_agg(rolname, ', '))
    from pg_roles
    where rolname in ('anon', 'authenticated')
  );
  if exists (select from pg_roles where rolname = 'authenticated') then
    grant execute on function graysync_apply(text, bigint, jsonb) to authenticated;
  end if;
end
$$;
