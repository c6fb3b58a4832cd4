-- The value of a kernel's answer, or its error raised as DuckDB's own. Evaluates its argument once.
CREATE MACRO _rasteret_ok(answer) AS
    list_transform([answer], lambda a: CASE WHEN a.error IS NULL THEN a.value ELSE error(a.error) END)[1]
