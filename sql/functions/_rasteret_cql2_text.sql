-- A text as CQL2 text writes it; NULL for NULL and for a value of another type.
CREATE MACRO _rasteret_cql2_text(text) AS
    CASE
        WHEN typeof(text) = 'VARCHAR' THEN '''' || replace(text::VARCHAR, '''', '''''') || ''''
    END
