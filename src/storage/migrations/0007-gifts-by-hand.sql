-- oldest program: 1
-- What operators gave by hand, once for each key: whoever writes the key first gives, everybody else learns what was
-- given. The transfer itself is in the journal; its cause begins with "gift:operator:" and the key. An older program
-- knows only that cause, so it still stands there, and is looked for as well.
create table gifts_by_hand (
  key text primary key,
  person bigint not null,
  unit text not null check (unit in ('RUB', 'GEN')),
  amount bigint not null check (amount > 0),
  why text not null,
  at bigint not null,
  cid text not null
);
create trigger gifts_by_hand_stay before update or delete on gifts_by_hand
  for each row execute function refuse_change('what was given stays written down');
create trigger gifts_by_hand_stay_all before truncate on gifts_by_hand
  for each statement execute function refuse_change('what was given stays written down');

-- Those of before. A key holds no colon; where one was used twice, the first gift is the one it names.
insert into gifts_by_hand (key, person, unit, amount, why, at, cid)
select distinct on (split_part(cause, ':', 3))
       split_part(cause, ':', 3), accounts.person, transfers.unit, amount,
       substr(cause, length('gift:operator:' || split_part(cause, ':', 3) || ':') + 1), at, cid
  from transfers join accounts on accounts.id = transfers.account
 where kind = 'gift' and starts_with(cause, 'gift:operator:')
 order by split_part(cause, ':', 3), transfers.id;
