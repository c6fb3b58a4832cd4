-- The scale argument of RS_MapAlgebra for an index: false where its reflectance is made of stored numbers.
CREATE MACRO _rasteret_scale(scale, reflectance) AS
    CASE
        WHEN reflectance IS NULL THEN scale
        WHEN scale THEN error(
            'scale := true and reflectance exclude each other: reflectance is made of stored numbers; give one'
        )
        ELSE false
    END
