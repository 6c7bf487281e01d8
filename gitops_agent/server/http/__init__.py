"""The dashboard over HTTP: the only room that knows Starlette and uvicorn."""
