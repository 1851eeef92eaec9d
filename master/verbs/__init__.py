"""The program `twophase`: a module for each verb, words in, exit code out.  Reading verbs need no master."""
