-- Every version that was ever published; the highest is the one in force.
create table graysync_rollouts (
  name text not null,
  version bigint not null,
  envelope text not null,
  etag text not null,
  payload jsonb not null,
  stored_at timestamptz not null default now(),
  primary key (name, version)
);
