-- A TIMESTAMP WITH TIME ZONE as the TIMESTAMP of its UTC time, in the years that STAC can write; else NULL.
CREATE MACRO _rasteret_moment(moment) AS
    CASE
        WHEN moment::TIMESTAMPTZ > '0001-01-02 00:00:00+00'::TIMESTAMPTZ
         AND moment::TIMESTAMPTZ < '9999-12-30 00:00:00+00'::TIMESTAMPTZ
            THEN make_timestamp(epoch_us(moment::TIMESTAMPTZ))
    END
