/** How to scroll by program: smoothly, unless the person asked their system for less motion. */
export const gently = (): ScrollBehavior =>
  matchMedia('(prefers-reduced-motion: reduce)').matches ? 'instant' : 'smooth'
