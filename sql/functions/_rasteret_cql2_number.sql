-- A number as CQL2 text writes it; NULL for NULL and for what is not a finite number.
CREATE MACRO _rasteret_cql2_number(number) AS
    CASE WHEN isfinite(try_cast(number AS DOUBLE)) THEN try_cast(number AS DOUBLE)::VARCHAR END
