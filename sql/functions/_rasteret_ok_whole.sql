-- The same for an answer of whole numbers. DuckDB takes error() for volatile, and what is volatile stands in no
-- window's ORDER BY; a text that is not a number is an error too, and shows the text.
CREATE MACRO _rasteret_ok_whole(answer) AS
    list_transform([answer], lambda rasteret_answer: CASE
        WHEN rasteret_answer.error IS NULL THEN rasteret_answer.value
        ELSE rasteret_answer.error::UINTEGER
    END)[1]
