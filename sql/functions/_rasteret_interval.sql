-- The time between two moments as the datetime argument of a search; a side that is NULL is open.
--
-- NULL when both sides are. The first moment alone when the sides are the wrong way round, so that a condition
-- that nothing can meet asks for next to nothing. Years that STAC cannot write leave a side open.
CREATE MACRO _rasteret_interval(earliest, latest) AS
    CASE
        WHEN _rasteret_moment(earliest) IS NULL AND _rasteret_moment(latest) IS NULL THEN NULL
        WHEN _rasteret_moment(earliest) > _rasteret_moment(latest) THEN _rasteret_moment(earliest)::VARCHAR
        ELSE concat(
            coalesce(_rasteret_moment(earliest)::VARCHAR, '..'),
            '/',
            coalesce(_rasteret_moment(latest)::VARCHAR, '..')
        )
    END
