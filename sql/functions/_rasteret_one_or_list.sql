-- A value, or the list of values where lists are asked for: what the answer is of is known when a call is bound, from
-- the types of its arguments alone, and only that is computed. The key is an entry of a list whose type is not known
-- while the macro is made, because DuckDB 1.5 would already look for a constant then.
CREATE MACRO _rasteret_one_or_list(one, many, is_list, any_constant) AS
    struct_extract(
        {'one': CASE WHEN NOT (is_list) THEN one END, 'many': CASE WHEN is_list THEN many END},
        list_transform([any_constant], lambda rasteret_constant: CASE WHEN is_list THEN 'many' ELSE 'one' END)[1]
    )
