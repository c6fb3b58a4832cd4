-- The value of a kernel's answer that is a column, or its error raised as DuckDB's own. Nothing is copied where no
-- row has an error; but it reads its argument more than once, so a call of a kernel itself goes into _rasteret_ok.
CREATE MACRO _rasteret_ok_column(answer) AS
    CASE WHEN answer.error IS NULL THEN answer.value ELSE error(answer.error) END
