-- Whether the constants of an index are those of reflectance, which pixels without a scale are not.
CREATE MACRO _rasteret_of_reflectance(reflectance) AS reflectance IS NULL
