"""How the parameter `cv` divides rows.

splitters     folds by row number and by a key, without lists of rows
uses          the contract of a fold rule: kinds of rows, and how parts use them
rules         the fold of a row of a stream, also of scikit-learn's own splitters
listed, codes splits of a splitter or of pairs, as a small number per row
class_counts  numbers of rows of every class by block, for stratified folds
hashes        hashes that depend on a key alone
holdout       one split of a given share
pairs         pairs of rows given by the user, and their checks
row_order     whether the order of rows makes folds differ
"""
