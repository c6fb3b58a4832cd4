-- The value of a kernel's answer, or its error raised as DuckDB's own. Evaluates its argument once.
-- The lambda's parameter has a name that no user's alias has: DuckDB 1.5 would take the alias instead.
CREATE MACRO _rasteret_ok(answer) AS
    list_transform([answer], lambda rasteret_answer: CASE
        WHEN rasteret_answer.error IS NULL THEN rasteret_answer.value
        ELSE error(rasteret_answer.error)
    END)[1]
