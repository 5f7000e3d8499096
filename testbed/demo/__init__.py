"""The demo: a sample pack through both ends, in processes of their own."""
