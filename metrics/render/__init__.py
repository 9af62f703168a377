"""The definition in the words of each program that reads it."""
