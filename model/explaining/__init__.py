"""What a cost model knows that explains a mapping: how arrays are used, and which machines have more of something."""
