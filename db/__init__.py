"""The Archive on SQL and files: the only truth, and the only home of SQLAlchemy."""
