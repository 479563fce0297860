-- The caller's settings that change what a query gives, as one text.
CREATE OR REPLACE TEMP MACRO _space_settings() AS concat_ws('|',
  current_setting('default_collation'), current_setting('default_null_order'), current_setting('default_order'),
  current_setting('integer_division'), current_setting('ieee_floating_point_ops'),
  current_setting('scalar_subquery_error_on_multiple_rows'), current_setting('disable_timestamptz_casts'),
  1 / 2, 'ab' ~ 'a', 'a' = 'A'
);
