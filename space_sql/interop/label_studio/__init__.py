"""Label Studio: its projects as three datasets, and rows of datasets as its tasks."""
