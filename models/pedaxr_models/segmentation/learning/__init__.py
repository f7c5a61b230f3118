"""Fine-tuning on corrected films, with what nobody corrected taken over from the weights in use."""
