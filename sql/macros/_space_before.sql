-- A moment, or an interval before now, both as text, in microseconds since 1970.
CREATE OR REPLACE TEMP MACRO _space_before(text) AS
  epoch_us(coalesce(now() - try_cast(text AS INTERVAL), try_cast(text AS TIMESTAMPTZ)));
