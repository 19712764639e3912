"""Rows beyond memory, in batches.

batches, files, tables  what a user gives `fit`: `Batches`, from files and from tables
sliceable, pages        arrays of files that are read by slices; mapped pages
source                  the contract: tasks on blocks of rows, and sums of their results
reader, read_ahead      batches in turn, the next one read while others compute
checks, block_checks    what is refused of a batch, with its number and its row
even_blocks             batches of any size as blocks of one size
view, target            a block as a linear map; its targets and weights for a loss
coded_rows              labels as numbers
sample, hashed_sample   a sample of rows of unknown number
weighed_sample          rows drawn by how much they matter
joined                  rows that train, and those of another source that validate
kept                    rows that are kept in memory after all
formed                  rows that are formed when they are visited, as blocks
"""
