"""Rows beyond memory, in batches.

batches, files, tables  `Batches`, the X of `fit`, from files and from tables
sliceable, pages        arrays in files, read by slices; mapped pages
source                  the contract: tasks on blocks of rows, and sums of their results
reader, read_ahead      batches in turn, the next one read while others compute
checks, block_checks    checks of a batch; errors name its number and row
even_blocks             batches of any size as blocks of one size
view, target            a block as a linear map; its targets and weights for a loss
coded_rows              labels as numbers
sample, hashed_sample   a sample of rows of unknown number
weighed_sample          rows drawn by importance
joined                  training rows joined with validation rows of another source
kept                    rows that must be kept in memory
formed                  derived rows, formed block by block
"""
