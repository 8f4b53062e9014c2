"""The rules that every notebook keeps: functions that return a list of complaints.

A notebook is what `reading.read` returns, a series a dict of them by file name.
"""
