-- Sums of a user's rows, for a device that wants to know which of them differ from its own without reading them all.
-- A row is one text: a line `place held` for each place that holds something, in the order of the places' bytes.
-- Its hash is the first half of md5(salt, key, text); its place in the tree is md5(salt, key) in digits of six bits.

create function graysync_name(name text) returns text
language sql immutable parallel safe as $$
  select case when name ~ '[\\\n. ]'
    then replace(replace(replace(replace(name, '\', '\\'), E'\n', '\n'), '.', '\.'), ' ', '\s')
    else name end
$$;

-- A column as the device calls it.
create function graysync_camel(name text) returns text
language sql immutable parallel safe as $$
  select lower(left(name, 1)) || substr(replace(initcap(name), '_', ''), 2)
$$;

create function graysync_held(value jsonb) returns text
language sql immutable parallel safe as $$
  select case jsonb_typeof(value)
    when 'string' then 's' || replace(replace(value #>> '{}', '\', '\\'), E'\n', '\n')
    when 'number' then 'n' || encode(float8send((value #>> '{}')::float8), 'hex')
    when 'boolean' then case when value::boolean then 'b1' else 'b0' end
    when 'array' then 'l' || jsonb_array_length(value)
    when 'object' then 'o'
  end
$$;

create function graysync_place(salt text, id text) returns text
language sql immutable parallel safe as $$
  select left(encode(substring(decode(md5(salt || E'\ns' || id), 'hex') for 8), 'base64'), 11)
$$;

-- The hash of each of the given rows. `ignored` is a pattern of the places that do not count.
create function graysync_hashes(salt text, ids text[], held jsonb[], ignored text)
returns table (id text, hash text)
language sql immutable parallel safe as $$
  with recursive columns as materialized (
    select key, graysync_name(graysync_camel(key)) as place
    from (select distinct jsonb_object_keys(row) as key from unnest(held) as row) as keys
  ),
  node as (
    select own.id, columns.place,
      case when field.key in ('created_at', 'updated_at') and jsonb_typeof(field.value) = 'string'
        then to_jsonb(to_char(
          (field.value #>> '{}')::timestamptz at time zone 'UTC',
          'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
        ))
        else field.value end as value
    from unnest(ids, held) as own (id, row), jsonb_each(own.row) as field
      join columns on columns.key = field.key and columns.place !~ ignored
    union all
    select node.id, node.place || '.' || child.name, child.value
    from node, lateral (
      select graysync_name(key) as name, value
      from jsonb_each(case when jsonb_typeof(node.value) = 'object' then node.value else '{}' end)
      union all
      select (at - 1)::text, value
      from jsonb_array_elements(
        case when jsonb_typeof(node.value) = 'array' then node.value else '[]' end
      ) with ordinality as member (value, at)
    ) as child
    where jsonb_typeof(node.value) in ('object', 'array')
      and (node.place || '.' || child.name) !~ ignored
  )
  select own.id, left(md5(salt || E'\ns' || own.id || E'\n' || coalesce(
    string_agg(node.place || ' ' || graysync_held(node.value), E'\n' order by node.place collate "C")
      filter (where jsonb_typeof(node.value) <> 'null'), ''
  )), 16)
  from unnest(ids) as own (id) left join node on node.id = own.id
  group by own.id
$$;

-- 32 bits of a hash as a number without sign.
create function graysync_lane(hash text, at integer) returns bigint
language sql immutable parallel safe as $$
  select ('x' || substr(hash, at, 8))::bit(32)::bigint
$$;

create function graysync_digits(high numeric, low numeric) returns text
language sql immutable parallel safe as $$
  select left(encode(decode(
    lpad(to_hex((high % 4294967296)::bigint), 8, '0') || lpad(to_hex((low % 4294967296)::bigint), 8, '0'),
    'hex'
  ), 'base64'), 11)
$$;

-- What a copy says of the parts of its tree that the prefixes name: sums, or up to four rows one by one.
create function graysync_digest_rows(
  salt text, prefixes text[], ids text[], held jsonb[], ignored text
) returns table (prefix text, answer text)
language sql immutable parallel safe as $$
  with hashed as (
    select hashes.id, hashes.hash, graysync_place(salt, hashes.id) as place
    from graysync_hashes(salt, ids, held, ignored) as hashes
  ),
  levels as materialized (
    select distinct length(asked.prefix) as depth from unnest(prefixes) as asked (prefix)
  ),
  -- A row is under the one prefix of each length that its place begins with: no row is held against every prefix.
  parts as (
    select asked.prefix, substr(place, depth + 1, 1) as digit, count(*) as rows,
      graysync_digits(sum(graysync_lane(hash, 1)), sum(graysync_lane(hash, 9))) as sum,
      jsonb_agg(jsonb_build_array(id, hash)) as listed
    from hashed cross join levels
      join unnest(prefixes) as asked (prefix) on asked.prefix = left(place, depth)
    group by asked.prefix, digit
  )
  select asked.prefix, case
    when coalesce(sum(rows), 0) > 4
      then jsonb_build_object('sums', string_agg(digit || sum, ''))
    else jsonb_build_object('rows', coalesce((
      select jsonb_agg(row) from parts as own, jsonb_array_elements(own.listed) as row
      where own.prefix = asked.prefix
    ), '[]'))
  end::text
  from unnest(prefixes) as asked (prefix) left join parts on parts.prefix = asked.prefix
  group by asked.prefix
$$;
