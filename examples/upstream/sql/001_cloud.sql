-- The tables of the demo app, as its Supabase project has them.

create table users (
  id uuid primary key,
  created_at timestamptz not null default now()
);

-- Ids sort by code unit, as IndexedDB sorts its keys: pages of both sides run in step.
create table cards (
  user_id uuid not null references users (id) on delete cascade,
  id text collate "C" not null,
  front_content jsonb not null default '{}',
  back_content jsonb not null default '{}',
  style jsonb not null default '{}',
  folder_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  sync_version integer not null default 1,
  is_deleted boolean not null default false,
  primary key (user_id, id)
);

create table folders (
  user_id uuid not null references users (id) on delete cascade,
  id text collate "C" not null,
  name text not null default '',
  parent_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  sync_version integer not null default 1,
  is_deleted boolean not null default false,
  primary key (user_id, id)
);

create table tags (
  user_id uuid not null references users (id) on delete cascade,
  id text collate "C" not null,
  name text not null default '',
  color text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  sync_version integer not null default 1,
  is_deleted boolean not null default false,
  primary key (user_id, id)
);

create table images (
  user_id uuid not null references users (id) on delete cascade,
  id text collate "C" not null,
  card_id text,
  file_name text not null default '',
  file_path text not null default '',
  cloud_url text,
  metadata jsonb not null default '{}',
  storage_mode text not null default 'indexeddb',
  data text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  sync_version integer not null default 1,
  is_deleted boolean not null default false,
  primary key (user_id, id)
);

-- The server's clock and count win over whatever a client sends.
create function touch_row() returns trigger language plpgsql as $$
begin
  new.updated_at := now();
  new.sync_version := old.sync_version + 1;
  return new;
end
$$;

create trigger touch_row before update on cards for each row execute function touch_row();
create trigger touch_row before update on folders for each row execute function touch_row();
create trigger touch_row before update on tags for each row execute function touch_row();
create trigger touch_row before update on images for each row execute function touch_row();
