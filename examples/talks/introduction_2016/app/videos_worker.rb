# frozen_string_literal: true

# Workers are found by the names of their controllers; the route names this one, too.
class VideosWorker < ApplicationWorker
end
