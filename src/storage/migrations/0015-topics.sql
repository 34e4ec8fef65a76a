-- oldest program: 1
-- In a private chat with topics an invoice remembers the one it was asked for in; its thanks go there.
alter table top_ups add column topic bigint;
