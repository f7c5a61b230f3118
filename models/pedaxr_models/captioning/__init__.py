"""The report writer: facts, their grammar, tokenizer, network, training."""
