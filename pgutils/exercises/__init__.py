"""Exercises that answer back, a module for each notebook; nothing else imports them."""
