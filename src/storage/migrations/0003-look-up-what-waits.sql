-- oldest program: 1
-- What is looked at again and again is found without reading the rows of the last seven days.

-- When the next postponed item is due.
create index inbox_postponed on inbox (not_before)
  where finished_at is null and shelved_at is null and not_before is not null;
-- How many items need a person.
create index inbox_shelved on inbox (shelved_at) where finished_at is null and shelved_at is not null;
