"""Values as people, consoles and spreadsheets write them: dates, ages, views, numbers, undeclared bytes.

Every door of pedaxr reads them here: tables, label files, DICOM headers, the search, MCP, the command line.
"""
