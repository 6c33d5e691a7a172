"""What is wrong with a model that learns, or has learnt, in plain words: signs, rules, and where they are told."""
