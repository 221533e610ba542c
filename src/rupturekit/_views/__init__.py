"""What a notebook shows of each class: one module a class or two, from data to HTML, each bounded in size."""
