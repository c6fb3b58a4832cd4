-- An expression in which every band of an index is replaced by its reflectance: band * scale + offset.
CREATE MACRO _rasteret_reflectance(formula, reflectance) AS
    CASE
        WHEN reflectance IS NULL THEN formula
        WHEN len(reflectance) = 2 AND reflectance[1] IS NOT NULL AND reflectance[2] IS NOT NULL
            THEN regexp_replace(
                formula,
                '\b(blue|green|red|nir|swir16|swir22)\b',
                '(\1 * ' || reflectance[1]::VARCHAR || ' + ' || reflectance[2]::VARCHAR || ')',
                'g'
            )
        ELSE error('reflectance: two numbers, scale and offset, were expected, such as [0.0001, -0.1]')
    END
