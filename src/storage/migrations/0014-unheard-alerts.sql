-- oldest program: 1
-- Alerts that reached no operator, because each has blocked the bot or never pressed Start: sent when they do.
create table unheard_alerts (
  id bigint generated always as identity primary key,
  operator bigint not null,
  says text not null,
  cid text not null,
  at bigint not null
);
create index unheard_alerts_operator on unheard_alerts (operator, id);
