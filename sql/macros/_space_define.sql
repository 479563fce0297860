-- Like _space_view, with the caller's catalogue, in which a definition is looked up.
CREATE OR REPLACE TEMP MACRO _space_define(function, columns, arguments) AS TABLE
FROM _space_view(function, columns, arguments, catalogue := _space_catalogue());
