def publish(figures, memories, missing, described):
    from bench.figures import ratios

    for f in figures:
        print(f)
    for m in memories:
        print(m)
    print(missing, described)
    for k, v in ratios(figures).items():
        print(k, v)
