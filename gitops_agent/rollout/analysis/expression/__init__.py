"""The condition language of metrics: lexer, parser, evaluator."""
