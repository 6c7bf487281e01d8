"""Variables: `${NAME}` in rendered objects, replaced in parsed values."""
