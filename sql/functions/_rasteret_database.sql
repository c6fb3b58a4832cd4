-- The number of this database in its process, which is written here where connections are registered; 0 in the shell.
CREATE MACRO _rasteret_database() AS 0
