select graysync_track('cards');
select graysync_track('folders');
select graysync_track('tags');
select graysync_track('images');

-- Names this database, so that a cursor of another one is told apart.
create table graysync_epoch (
  epoch uuid primary key default gen_random_uuid()
);
insert into graysync_epoch default values;
