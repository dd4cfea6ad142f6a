-- Telemetry and feedback, one row a record. The uid makes a second arrival a no-op.
create table graysync_records (
  uid text primary key,
  name text not null,
  at timestamptz not null,
  received_at timestamptz not null default now(),
  installation text,
  service text,
  service_version text,
  attributes jsonb not null,
  body text
);

create index graysync_records_name on graysync_records (name, at);
create index graysync_records_received on graysync_records (received_at);

-- Where each device stood when it last spoke.
create table graysync_devices (
  installation text primary key,
  service text,
  service_version text,
  engine text,
  stage text,
  arm text,
  rollout_version numeric,
  first_seen timestamptz not null default now(),
  last_seen timestamptz not null
);

create index graysync_devices_last_seen on graysync_devices (last_seen);

-- Devices send what they like: a value that is no number counts as none.
create function graysync_number(attributes jsonb, name text) returns numeric
language sql immutable as $$
  select case when jsonb_typeof(attributes -> name) = 'number'
    then (attributes ->> name)::numeric end
$$;
