-- Which database of its process this is: the type of a function that nothing calls, which holds a number; 0 in the shell.
CREATE MACRO _rasteret_database() AS typeof(_rasteret_instance(0))
