/** The place of a package that a module imports for work that a page does not do, such as recording a model. */
export {};
