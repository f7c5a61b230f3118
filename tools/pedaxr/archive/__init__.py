"""A whole archive of films read into Parquet files."""
