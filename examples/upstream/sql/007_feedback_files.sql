-- Files that came with feedback. The entry's id makes a second arrival a no-op.
create table graysync_files (
  entry text primary key,
  type text not null,
  bytes bytea not null,
  received_at timestamptz not null default now()
);

create index graysync_files_received on graysync_files (received_at);
