"""Mathematics of metric learning: scatters of graphs, softmax neighbours, impostors, Bregman projections."""
